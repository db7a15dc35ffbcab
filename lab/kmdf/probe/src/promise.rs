//! Promises of the framework.

/// A promise that was not kept.
pub(crate) struct Promise(pub(crate) &'static str);

/// `Ok` when the promise was kept.
pub(crate) fn promise(kept: bool, promise: &'static str) -> Result<(), Promise> {
    if kept { Ok(()) } else { Err(Promise(promise)) }
}
