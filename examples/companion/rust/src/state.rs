//! What the callbacks of one device share, and the lock around it.

use core::cell::{Cell, UnsafeCell};

use pf_companion_abi::BrokerFunctions;
use wdk_sys::{NTSTATUS, WDFDEVICE, WDFSPINLOCK, WDFWORKITEM};

use crate::{
    registers::Registers,
    wdf::{self, ContextType},
};

/// The context of the device. The framework allocates it, zeroed, with the device object.
pub(crate) struct Device {
    lock: Cell<WDFSPINLOCK>,
    /// Waits for the firmware.
    pub(crate) firmware: Cell<WDFWORKITEM>,
    /// Changed with the lock only.
    state: UnsafeCell<State>,
}

/// What the lock protects.
pub(crate) struct State {
    /// The registers, from `EvtDevicePrepareHardware` to `EvtDeviceReleaseHardware`.
    pub(crate) registers: Option<Registers>,
    /// The device is in D0.
    pub(crate) in_d0: bool,
    /// pf_broker's functions, from `Attach` to `Detach`.
    pub(crate) broker: Option<BrokerFunctions>,
}

impl State {
    /// The registers while they can be accessed. The lock is held meanwhile, so the device neither
    /// leaves D0 nor loses its memory.
    pub(crate) fn accessible(&self) -> Option<Registers> {
        self.registers.filter(|_| self.in_d0)
    }

    /// Says whether this driver is ready for what pf_broker hands over. `SetReady` may be called
    /// with the lock held: at `DISPATCH_LEVEL`, and it calls no companion.
    pub(crate) fn set_ready(&self, ready: bool) {
        if let Some(broker) = &self.broker {
            // SAFETY: `Release` follows only when `broker` is taken, with the lock held.
            let _ = unsafe { (broker.set_ready)(broker.broker, ready.into()) };
        }
    }
}

/// The description of the context.
pub(crate) static DEVICE_CONTEXT: ContextType =
    ContextType::of::<Device>(c"companion::Device", &DEVICE_CONTEXT);

/// The context of a device.
pub(crate) fn of<'d>(device: WDFDEVICE) -> &'d Device {
    // SAFETY: the device is live and was created with this context.
    let context = unsafe {
        wdf::call!(
            WdfObjectGetTypedContextWorker,
            device.cast(),
            &raw const DEVICE_CONTEXT.0
        )
    };
    // SAFETY: the context lives as long as the device; zeros are valid for each of its fields.
    unsafe { &*context.cast::<Device>() }
}

impl Device {
    /// Creates the lock. Once, before anything else calls [`Device::locked`].
    pub(crate) fn create_lock(&self, device: WDFDEVICE) -> Result<(), NTSTATUS> {
        let mut attributes = wdf::attributes(device.cast());
        let mut lock: WDFSPINLOCK = core::ptr::null_mut();
        // SAFETY: the device is live; both structures outlive the call.
        wdf::ok(unsafe { wdf::call!(WdfSpinLockCreate, &raw mut attributes, &raw mut lock) })?;
        self.lock.set(lock);
        // SAFETY: the device is being created, and no other thread knows it. The context was zeroed,
        // which a field with a niche need not take as `None`.
        unsafe {
            self.state.get().write(State {
                registers: None,
                in_d0: false,
                broker: None,
            });
        }
        Ok(())
    }

    /// Runs `work` with the lock held, at `DISPATCH_LEVEL`.
    pub(crate) fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // SAFETY: the lock was created with the device and is deleted with it.
        unsafe { wdf::call!(WdfSpinLockAcquire, self.lock.get()) };
        // SAFETY: the lock is held, and no call inside `work` acquires it again.
        let result = work(unsafe { &mut *self.state.get() });
        // SAFETY: acquired above.
        unsafe { wdf::call!(WdfSpinLockRelease, self.lock.get()) };
        result
    }
}
