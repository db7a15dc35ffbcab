//! Describes rules in words, for diagnostics and documentation.

use std::fmt;

use crate::model::{Mac, OneOf, Valid};

impl Valid {
    /// Whether any value is valid.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

/// The rules as the continuation of "the value must be …".
impl fmt::Display for Valid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rules = Vec::new();
        if let Some(equals) = self.equals {
            rules.push(number(equals));
        }
        if let Some(one_of) = &self.one_of {
            rules.push(format!("one of {}", listed(one_of)));
        }
        if let Some(none_of) = &self.none_of {
            rules.push(format!("none of {}", listed(none_of)));
        }
        match (self.min, self.max) {
            (Some(min), Some(max)) => {
                rules.push(format!("from {} to {}", number(min), number(max)));
            }
            (Some(min), None) => rules.push(format!("at least {}", number(min))),
            (None, Some(max)) => rules.push(format!("at most {}", number(max))),
            (None, None) => {}
        }
        if let Some(mask) = self.mask {
            rules.push(format!("within the bits {mask:#X}"));
        }
        if let Some(divisor) = self.multiple_of {
            rules.push(format!("a multiple of {}", number(divisor.into())));
        }
        rules.extend(self.mac.map(|mac| {
            match mac {
                Mac::Unicast => "the MAC address of one station",
                Mac::Multicast => "the MAC address of a group",
                Mac::Nonzero => "a MAC address other than zero",
            }
            .to_owned()
        }));
        formatter.write_str(&if rules.is_empty() {
            "any value".to_owned()
        } else {
            rules.join(" and ")
        })
    }
}

fn listed(set: &OneOf) -> String {
    let values: Vec<String> = set.values.iter().map(|value| number(*value)).collect();
    let values = values.join(", ");
    match &set.enumeration {
        Some(name) => format!("`{name}` ({values})"),
        None => values,
    }
}

/// Decimal for quantities, hexadecimal for bit patterns.
pub(crate) fn number(value: i128) -> String {
    if value < 0x1_0000 {
        value.to_string()
    } else {
        format!("{value:#X}")
    }
}
