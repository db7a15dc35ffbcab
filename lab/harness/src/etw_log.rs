//! Checks the calls that the ETW double recorded, and reads the events in them. Before each of its
//! checks the runner writes a line with the name of the check.
//!
//! The rules are those of the documentation of `EtwRegister`, `EtwSetInformation`,
//! `EtwWriteTransfer` and `EtwUnregister`. The layout of the events is tested where the driver's
//! code for it is, in `pf_state::event`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use pf_state::event;

use crate::etw_call::{Call, Function};
use crate::etw_event::Event;

/// The name for the time before the first check, and for a run without checks.
const BEGINNING: &str = "the beginning";
/// `PASSIVE_LEVEL`
const PASSIVE_LEVEL: u8 = 0;
/// `EventProviderSetTraits` of `EVENT_INFO_CLASS`.
const SET_TRAITS: i32 = 2;

/// An event, and the check during which the driver wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedEvent {
    /// The name of the check.
    pub(crate) during: String,
    pub(crate) event: Event,
}

/// The contents of a log.
#[derive(Debug, Default)]
pub(crate) struct EtwLog {
    /// The events, in order.
    pub(crate) events: Vec<LoggedEvent>,
    /// Calls that break a rule, and events that cannot be decoded, in order.
    pub(crate) violations: Vec<String>,
    /// Registrations that did not end.
    pub(crate) leftovers: Vec<String>,
}

impl EtwLog {
    /// Reads a log.
    pub(crate) fn read(log: &str) -> Self {
        let mut read = Self::default();
        let mut registrations = Registrations::default();
        let mut during = BEGINNING;
        for line in log.lines() {
            if let Some(check) = line.strip_prefix("check ") {
                during = check;
                continue;
            }
            match Call::read(line).and_then(|call| registrations.apply(&call)) {
                Ok(Some(event)) => read.events.push(LoggedEvent {
                    during: during.to_owned(),
                    event,
                }),
                Ok(None) => {}
                Err(violation) => read.violations.push(format!("{violation:#}")),
            }
        }
        read.leftovers = registrations.leftovers();
        read
    }
}

/// A registration.
enum Registration {
    /// Before its traits are set.
    New,
    /// With these traits.
    Described(Vec<u8>),
    Ended,
}

/// Every registration, by its handle.
#[derive(Default)]
struct Registrations(BTreeMap<u64, Registration>);

impl Registrations {
    /// Checks a call, and returns the event that it writes.
    fn apply(&mut self, call: &Call) -> Result<Option<Event>> {
        let (name, handle) = (call.name(), call.handle);
        let at_any_level = matches!(call.function, Function::WriteTransfer { .. });
        ensure!(
            at_any_level || call.irql == PASSIVE_LEVEL,
            "{name}: called at IRQL {}, allowed at PASSIVE_LEVEL only",
            call.irql
        );
        match &call.function {
            Function::Register { provider, callback } => {
                self.0.insert(handle, Registration::New);
                ensure!(
                    *provider == provider_id(),
                    "{name}: {} is not the provider's GUID",
                    provider.escape_ascii()
                );
                ensure!(
                    *callback == 0,
                    "{name}: the ETW double does not call enable callbacks"
                );
            }
            Function::SetInformation { class, information } => {
                let registration = self.live(call)?;
                ensure!(
                    *class == SET_TRAITS,
                    "{name}: the information class {class} is not the one for traits"
                );
                ensure!(
                    matches!(registration, Registration::New),
                    "{name}: registration {handle:#x} has its traits already"
                );
                *registration = Registration::Described(information.clone());
            }
            Function::WriteTransfer { descriptor, data } => {
                let Registration::Described(traits) = self.live(call)? else {
                    bail!("{name}: ETW ignores the types of descriptors before the traits are set");
                };
                let event = Event::decode(descriptor, data).context(name)?;
                ensure!(
                    data.first().is_some_and(|first| first.bytes == *traits),
                    "{name}: the event's provider is not the registered one: {event}"
                );
                return Ok(Some(event));
            }
            Function::Unregister => *self.live(call)? = Registration::Ended,
        }
        Ok(None)
    }

    /// The registration whose handle is passed to a function.
    fn live(&mut self, call: &Call) -> Result<&mut Registration> {
        let (name, handle) = (call.name(), call.handle);
        match self.0.get_mut(&handle) {
            None => bail!("{name}: {handle:#x} is no registration"),
            Some(Registration::Ended) => {
                bail!("{name}: registration {handle:#x} was unregistered before this call")
            }
            Some(live) => Ok(live),
        }
    }

    fn leftovers(&self) -> Vec<String> {
        let left = self.0.iter();
        left.filter(|(_, registration)| !matches!(registration, Registration::Ended))
            .map(|(handle, _)| format!("registration {handle:#x} was never unregistered"))
            .collect()
    }
}

/// The bytes of the provider's GUID, as they lie in memory.
fn provider_id() -> Vec<u8> {
    let id = &event::PROVIDER;
    [
        id.data1.to_le_bytes().as_slice(),
        &id.data2.to_le_bytes(),
        &id.data3.to_le_bytes(),
        &id.data4,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::EtwLog;

    const REGISTER: &str = r#"EtwRegister irql=0 provider="f\x8d*\xe2\x1fr\x1fQ-\xe4\xbdM\xdd\xc9M|" callback=0x0 handle=0xa"#;
    const TRAITS: &str =
        r#"EtwSetInformation irql=0 handle=0xa class=2 information="\x0b\x00PfBroker\x00""#;
    const WRITE: &str = r#"EtwWriteTransfer irql=2 handle=0xa descriptor="\x00\x00\x00\x0b\x04\x00\x00\x00" count=3 data=2"\x0b\x00PfBroker\x00" data=1"\x0f\x00\x00Attached\x00V\x00\x06" data=0"\xff\xff""#;
    const UNREGISTER: &str = "EtwUnregister irql=0 handle=0xa";

    fn read<const LINES: usize>(lines: [&str; LINES]) -> EtwLog {
        EtwLog::read(&lines.map(|line| format!("{line}\n")).concat())
    }

    /// Fails unless the lines break one rule, with this text in its sentence.
    fn breaks<const LINES: usize>(lines: [&str; LINES], rule: &str) {
        let violations = read(lines).violations;
        assert!(
            matches!(violations.as_slice(), [violation] if violation.contains(rule)),
            "{violations:?} instead of {rule:?}"
        );
    }

    #[test]
    fn events_are_read_with_the_check_that_they_belong_to() {
        let removed = WRITE.replace("Attached", "Replaced");
        let log = read([
            REGISTER,
            TRAITS,
            WRITE,
            "check a removal",
            &removed,
            UNREGISTER,
        ]);
        let events: Vec<_> = log
            .events
            .iter()
            .map(|logged| (logged.during.as_str(), logged.event.to_string()))
            .collect();
        let expected = [
            ("the beginning", "Attached level 4: V 65535".to_owned()),
            ("a removal", "Replaced level 4: V 65535".to_owned()),
        ];
        assert_eq!(events, expected);
        assert!(log.violations.is_empty(), "{:?}", log.violations);
        assert!(log.leftovers.is_empty(), "{:?}", log.leftovers);
    }

    #[test]
    fn what_was_registered_must_be_unregistered() {
        let other = REGISTER.replace("0xa", "0xb");
        assert_eq!(
            read([REGISTER, &other]).leftovers,
            [
                "registration 0xa was never unregistered",
                "registration 0xb was never unregistered"
            ]
        );
        let log = read([REGISTER, &other, UNREGISTER]);
        assert_eq!(log.leftovers, ["registration 0xb was never unregistered"]);
    }

    #[test]
    fn a_handle_is_live_from_its_registration_to_its_end() {
        for call in [TRAITS, WRITE, UNREGISTER] {
            breaks([call], "0xa is no registration");
            breaks([REGISTER, UNREGISTER, call], "was unregistered before");
        }
    }

    #[test]
    fn all_functions_but_that_for_events_are_for_passive_level() {
        let raised = |call: &str| call.replace("irql=0", "irql=2");
        breaks([&raised(REGISTER)], "called at IRQL 2");
        breaks([REGISTER, &raised(TRAITS)], "called at IRQL 2");
        breaks([REGISTER, &raised(UNREGISTER)], "called at IRQL 2");
    }

    #[test]
    fn the_provider_has_its_guid_and_no_callback() {
        breaks([&REGISTER.replace(r"f\x8d", r"g\x8d")], "provider's GUID");
        let with_callback = REGISTER.replace("callback=0x0", "callback=0xf0");
        breaks([&with_callback], "enable callbacks");
    }

    #[test]
    fn traits_are_set_once_and_before_the_first_event() {
        breaks([REGISTER, TRAITS, TRAITS], "has its traits already");
        breaks([REGISTER, WRITE], "before the traits are set");
        let other_class = TRAITS.replace("class=2", "class=1");
        breaks([REGISTER, &other_class], "information class 1");
    }

    #[test]
    fn an_event_is_of_the_registered_provider() {
        let other = WRITE.replace("PfBroker", "PfBrokes");
        breaks([REGISTER, TRAITS, &other], "not the registered one");
    }

    #[test]
    fn what_cannot_be_read_is_a_violation() {
        let malformed = WRITE.replace(r"V\x00\x06", r"V\x00\x0a");
        breaks(
            [REGISTER, TRAITS, &malformed],
            "EtwWriteTransfer: Attached: the field V",
        );
        breaks(["panicked at lab/etw/src/functions.rs"], "no call");
    }
}
