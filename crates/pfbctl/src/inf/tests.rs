use super::{Parameters, TEMPLATE, driver_ver, encode, quoted, render};

const PARAMETERS: Parameters<'_> = Parameters {
    provider: "Contoso",
    device: "CX-100",
    driver_ver: "02/03/2026,1.2.3.4",
    arch: "arm64",
    vendor_id: 0x0ABC,
    device_id: 0xD,
    num_vfs: 12,
    table: &[0xAB; 25],
};

#[test]
fn every_value_of_the_device_takes_its_one_place_in_the_template() {
    let inf = render(TEMPLATE, &PARAMETERS);
    for (line, times) in [
        ("DriverVer   = 02/03/2026,1.2.3.4\r\n", 1),
        ("PCI\\VEN_0ABC&DEV_000D\r\n", 1),
        ("HKR,,NumVFs,0x00010001,12\r\n", 1),
        ("HKR,,BlockTable,0x00000001,\\\r\n", 1),
        ("Provider = \"Contoso\"\r\n", 1),
        ("DeviceDescription = \"CX-100\"\r\n", 1),
        ("NTarm64.10.0...", 2),
    ] {
        assert_eq!(inf.matches(line).count(), times, "{line}");
    }
    assert!(!inf.contains("$ARCH$"), "nothing is left for stampinf");
    assert_eq!(
        inf.matches("PCI\\VEN_").count(),
        1,
        "no hardware ID of the template is left"
    );
}

#[test]
fn every_line_ends_as_windows_ends_lines() {
    let inf = render(TEMPLATE, &PARAMETERS);
    assert_eq!(inf.matches('\n').count(), inf.matches("\r\n").count());
}

#[test]
fn quotation_marks_and_percent_signs_are_doubled() {
    assert_eq!(quoted(r#"100% "good""#), r#""100%% ""good""""#);
}

#[test]
fn a_driver_ver_is_a_date_and_four_numbers() {
    for good in [
        "01/01/2026,0.1.0.0",
        "12/31/9999,65535.65535.65535.65535",
        "1/1/2026,1.0.0.0",
        "02/29/2028,1.0.0.0",
        "02/29/2000,1.0.0.0",
        crate::cli::DRIVER_VER,
    ] {
        assert!(driver_ver(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "2026-01-01,1.0.0.0",
        "01/01/2026",
        "01/01/2026,1.0.0",
        "01/01/2026,1.0.0.0.0",
        "13/01/2026,1.0.0.0",
        "01/32/2026,1.0.0.0",
        "02/31/2026,1.0.0.0",
        "02/29/2026,1.0.0.0",
        "02/29/2100,1.0.0.0",
        "04/31/2026,1.0.0.0",
        "01/01/0000,1.0.0.0",
        "01/01/10000,1.0.0.0",
        "00/01/2026,1.0.0.0",
        "01/01/2026,1.0.0.65536",
        "01/01/2026,1.0..0",
        "01/01/2026, 1.0.0.0",
        "01/01/2026,1.0.0.0\r\n",
    ] {
        assert!(driver_ver(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn text_that_is_not_ascii_makes_the_inf_utf_16() {
    assert_eq!(encode("ab"), b"ab");
    assert_eq!(encode("ä"), [0xFF, 0xFE, 0xE4, 0]);
}
