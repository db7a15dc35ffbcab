//! What Event Tracing for Windows demands of a provider of self-describing events, and how such an
//! event is read: no operating system, no `unsafe`, tested on any host.
//!
//! The rules are those of the documentation of `EtwRegister`, `EtwSetInformation`,
//! `EtwWriteTransfer`, `EtwUnregister`, `EVENT_INFO_CLASS`, `EVENT_DATA_DESCRIPTOR` and "Provider
//! Traits", and of the public header `TraceLoggingProvider.h`. Nothing is known of a certain
//! provider: events are read by the metadata that come with them.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod event;
pub mod handle;
pub mod metadata;
pub mod provider_id;
pub mod registration;
pub mod violation;
