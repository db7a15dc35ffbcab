//! The driver's position in a device's stack: its function driver, or a filter above that one.
//!
//! One image serves both. The Plug and Play manager keeps the name of the service that drives a
//! device in the property `DEVPKEY_Device_Service`, which the `AddService` directive of the
//! function driver's INF sets ("`DEVPKEY_Device_Service`"). The driver knows its own service from
//! the registry path that the kernel gave its entry point. If the two are the same, it is the
//! function driver; otherwise the device has it as a filter.

/// Where the driver is in a device's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// It is the function driver.
    FunctionDriver,
    /// Another driver, below, is the function driver.
    UpperFilter,
}

impl Position {
    /// The position of the driver whose service has the registry path `own` in the stack of a
    /// device whose function driver's service is `service`. Neither ends with a zero.
    #[must_use]
    pub fn of(own: &[u16], service: &[u16]) -> Self {
        let own = own
            .rsplit(|&unit| unit == u16::from(b'\\'))
            .next()
            .unwrap_or_default();
        if equal_ignoring_case(own, service) {
            Self::FunctionDriver
        } else {
            Self::UpperFilter
        }
    }
}

/// Compares names of services, in which Windows ignores case. Service names of this driver are
/// ASCII; other letters compare as they are.
fn equal_ignoring_case(one: &[u16], other: &[u16]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(&a, &b)| lower(a) == lower(b))
}

fn lower(unit: u16) -> u16 {
    u8::try_from(unit).map_or(unit, |ascii| ascii.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::Position;

    fn position(own: &str, service: &str) -> Position {
        let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        Position::of(&units(own), &units(service))
    }

    const PATH: &str = r"\Registry\Machine\System\CurrentControlSet\Services\pf_broker_1414_b00d";

    #[test]
    fn the_driver_of_the_devices_service_is_the_function_driver() {
        for service in ["pf_broker_1414_b00d", "PF_Broker_1414_B00D"] {
            assert_eq!(position(PATH, service), Position::FunctionDriver);
        }
        assert_eq!(position("contoso", "Contoso"), Position::FunctionDriver);
    }

    #[test]
    fn any_other_driver_is_a_filter() {
        for service in [
            "",
            "contoso",
            "pf_broker_1414_b00",
            "pf_broker_1414_b00dd",
            "broker_1414_b00d",
            PATH,
            "pf_broker_1414_b0\u{130}d",
        ] {
            assert_eq!(position(PATH, service), Position::UpperFilter, "{service}");
        }
        assert_eq!(position(r"a\", "a"), Position::UpperFilter);
    }
}
