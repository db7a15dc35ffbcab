//! Every rule whose breach ends a run, each with one sentence that names function, object and rule.

use alloc::string::String;

use thiserror::Error;

use crate::{
    handle::Handle,
    metadata::{FieldType, Flaw},
    provider_id::ProviderId,
};

/// A broken rule. Windows would refuse the call, lose the event, write one that no tool can read, or
/// corrupt memory.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// A function called above the level that its documentation allows.
    #[error("{function}: called at IRQL {level}, allowed at PASSIVE_LEVEL alone")]
    LevelTooHigh {
        /// Name of the function called.
        function: &'static str,
        /// The level of the calling thread.
        level: u8,
    },
    /// A handle that was never given out.
    #[error("{function}: {handle} is no registration")]
    UnknownHandle {
        /// Name of the function called.
        function: &'static str,
        /// The value passed.
        handle: Handle,
    },
    /// A handle whose registration has ended.
    #[error("{function}: registration {handle} was unregistered before this call")]
    UseAfterUnregister {
        /// Name of the function called.
        function: &'static str,
        /// The value passed.
        handle: Handle,
    },
    /// A parameter that must not be NULL.
    #[error("{function}: {parameter} is NULL")]
    Null {
        /// Name of the function called.
        function: &'static str,
        /// Which one.
        parameter: &'static str,
    },
    /// A callback, which the double would have to call.
    #[error("EtwRegister: the ETW double does not call enable callbacks")]
    Callback,
    /// A class of information that the double does not have.
    #[error("EtwSetInformation: the ETW double does not have the information class {class}")]
    UnknownClass {
        /// `EVENT_INFO_CLASS`
        class: i32,
    },
    /// Traits that a registration has already.
    #[error("EtwSetInformation: registration {handle} has its traits already")]
    TraitsAgain {
        /// The registration.
        handle: Handle,
    },
    /// Traits that cannot be read.
    #[error("{function}: the provider's traits are wrong: {flaw}")]
    Traits {
        /// Name of the function called.
        function: &'static str,
        /// What is wrong.
        flaw: Flaw,
    },
    /// A provider with a GUID that is not its name's.
    #[error("EtwSetInformation: the name {name} gives the GUID {derived}, not {registered}")]
    OtherGuid {
        /// The name in the traits.
        name: String,
        /// What it gives.
        derived: ProviderId,
        /// What was registered.
        registered: ProviderId,
    },
    /// An event that is written with types before ETW was set to read them.
    #[error("EtwWriteTransfer: ETW ignores the types of descriptors before the traits are set")]
    NoTraits,
    /// An event that is not on the channel of self-describing events.
    #[error("EtwWriteTransfer: a self-describing event is on channel 11, not on {channel}")]
    Channel {
        /// The channel.
        channel: u8,
    },
    /// A level that is none of `TRACE_LEVEL_*`.
    #[error("EtwWriteTransfer: the level {level} is not between 1 and 5")]
    Level {
        /// The level.
        level: u8,
    },
    /// More data descriptors than ETW takes.
    #[error("EtwWriteTransfer: {count} data descriptors are more than 128")]
    TooManyDescriptors {
        /// How many there are.
        count: u32,
    },
    /// An event without one of the two descriptions.
    #[error("EtwWriteTransfer: {count} data descriptors do not describe provider and event")]
    TooFewDescriptors {
        /// How many there are.
        count: usize,
    },
    /// A descriptor of another type than its place asks for.
    #[error("EtwWriteTransfer: data descriptor {place} has type {found} instead of {expected}")]
    DescriptorType {
        /// Its place, from 0.
        place: usize,
        /// `EVENT_DATA_DESCRIPTOR_TYPE_*`
        found: u8,
        /// The type that belongs there.
        expected: u8,
    },
    /// Reserved bytes of a descriptor that are not zero.
    #[error("EtwWriteTransfer: the reserved bytes of data descriptor {place} are not 0")]
    Reserved {
        /// Its place, from 0.
        place: usize,
    },
    /// A descriptor with a size and no address.
    #[error("EtwWriteTransfer: data descriptor {place} is NULL and has {size} bytes")]
    NullData {
        /// Its place, from 0.
        place: usize,
        /// Its size.
        size: u32,
    },
    /// An event of another provider than the registered one.
    #[error("EtwWriteTransfer: the event's provider is {found}, the registered one {registered}")]
    OtherProvider {
        /// The name in the event.
        found: String,
        /// The name in the traits.
        registered: String,
    },
    /// Event metadata that cannot be read.
    #[error("EtwWriteTransfer: the event's metadata are wrong: {0}")]
    Metadata(Flaw),
    /// Another number of data descriptors than of fields.
    #[error("EtwWriteTransfer: {event} has {fields} fields and {given} data descriptors for them")]
    FieldCount {
        /// Name of the event.
        event: String,
        /// How many its metadata declare.
        fields: usize,
        /// How many came.
        given: usize,
    },
    /// A field of another size than its type's.
    #[error("EtwWriteTransfer: {event}: the field {field} is {kind} and has {size} bytes")]
    FieldSize {
        /// Name of the event.
        event: String,
        /// Name of the field.
        field: String,
        /// Its type.
        kind: FieldType,
        /// The size of its descriptor.
        size: usize,
    },
    /// A string that does not end with its descriptor.
    #[error("EtwWriteTransfer: {event}: the string {field} of {size} bytes {problem}")]
    StringEnd {
        /// Name of the event.
        event: String,
        /// Name of the field.
        field: String,
        /// The size of its descriptor.
        size: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The double itself panicked, which is its own defect.
    #[error("the ETW double itself panicked")]
    Panic,
}
