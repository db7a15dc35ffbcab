//! Lines for the kernel log.

/// Prints one line to the kernel log, with the syntax of `format!`.
macro_rules! log {
    ($($argument:tt)*) => {
        kernel_runtime::log::debug_print(format_args!("lab-stack: {}", format_args!($($argument)*)))
    };
}
pub(crate) use log;
