//! Registry key objects.

use kernel_runtime::lock::Locked;
use kmdf_rules::object::{Handle, Kind};
use wdk_sys::NTSTATUS;

use crate::{
    kernel::{registry_key::RegistryKey, status},
    model::objects::Body,
};

/// A `WDFKEY`; its kernel key is closed when it is deleted.
pub(crate) struct Key(Locked<Option<RegistryKey>>);

impl Body for Key {
    const KIND: Kind = Kind::Key;

    fn dispose(&self, _handle: Handle) {
        drop(self.0.with(Option::take));
    }
}

impl Key {
    pub(crate) const fn new(key: RegistryKey) -> Self {
        Self(Locked::new(Some(key)))
    }

    /// Runs `body` on the kernel key.
    ///
    /// # Errors
    /// `STATUS_DELETE_PENDING` when the key is closed; those of `body`.
    pub(crate) fn with<R>(
        &self,
        body: impl FnOnce(&RegistryKey) -> Result<R, NTSTATUS>,
    ) -> Result<R, NTSTATUS> {
        self.0.with(|key| match key {
            Some(key) => body(key),
            None => Err(status::DELETE_PENDING),
        })
    }
}
