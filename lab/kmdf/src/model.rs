//! Framework objects, their states, and how they handle packets.

pub(crate) mod context;
pub(crate) mod device;
pub(crate) mod device_init;
pub(crate) mod device_interface;
pub(crate) mod dispatch;
pub(crate) mod driver;
pub(crate) mod file;
pub(crate) mod io_target;
pub(crate) mod key;
pub(crate) mod lock;
pub(crate) mod low_resources;
pub(crate) mod memory;
pub(crate) mod objects;
pub(crate) mod pnp;
pub(crate) mod pnp_steps;
pub(crate) mod power;
pub(crate) mod power_transition;
pub(crate) mod query_interface;
pub(crate) mod queue;
pub(crate) mod queue_power;
pub(crate) mod request;
pub(crate) mod resources;
pub(crate) mod surprise_removal;
pub(crate) mod text;
pub(crate) mod threads;
pub(crate) mod work_item;
