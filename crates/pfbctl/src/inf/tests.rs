use super::identity::hardware_ids;
use super::names::Names;
use super::{FILTER_TEMPLATE, Msi, Parameters, TEMPLATE, encode, quoted, render};
use crate::cli::Class;

fn parameters() -> Parameters<'static> {
    Parameters {
        provider: "Contoso",
        device: "CX-100",
        driver_ver: "02/03/2026,1.2.3.4",
        arch: "arm64",
        class: Class::ComputeAccelerator,
        names: Names {
            service: "CxService".to_owned(),
            binary: "cx.sys".to_owned(),
            catalog: "cx100.cat".to_owned(),
        },
        hardware_ids: hardware_ids(0x0ABC, &[0xD, 0xE], &[]),
        extension_id: "{0ABC000D-6C9E-8F31-8A52-7D3C00000000}".to_owned(),
        msi: None,
        num_vfs: 12,
        table: &[0xAB; 25],
    }
}

#[test]
fn every_value_of_the_device_takes_its_one_place_in_the_template() {
    let inf = render(TEMPLATE, &parameters());
    for (line, times) in [
        ("DriverVer   = 02/03/2026,1.2.3.4\r\n", 1),
        (
            "%DeviceDescription% = PfBroker,PCI\\VEN_0ABC&DEV_000D\r\n",
            1,
        ),
        (
            "%DeviceDescription% = PfBroker,PCI\\VEN_0ABC&DEV_000E\r\n",
            1,
        ),
        ("HKR,,NumVFs,0x00010003,12\r\n", 1),
        ("HKR,,BlockTable,0x00000001,\\\r\n", 1),
        ("Provider           = \"Contoso\"\r\n", 1),
        ("DeviceDescription  = \"CX-100\"\r\n", 1),
        ("Disk               = \"CX-100 installation disk\"\r\n", 1),
        ("ServiceDescription = \"CX-100 (CxService)\"\r\n", 1),
        ("Class       = ComputeAccelerator\r\n", 1),
        (
            "ClassGuid   = {F01A9D53-3FF6-48D2-9F97-C8A7004BE10C}\r\n",
            1,
        ),
        ("CatalogFile = cx100.cat\r\n", 1),
        (
            "AddService = CxService,0x00000002,PfBroker.Service,PfBroker.EventLog\r\n",
            1,
        ),
        ("KmdfService = CxService,PfBroker.Wdf\r\n", 1),
        ("\r\ncx.sys = 1\r\n", 1),
        ("\r\ncx.sys\r\n", 1),
        ("ServiceBinary = %13%\\cx.sys\r\n", 1),
        ("NTarm64.10.0...", 2),
    ] {
        assert_eq!(inf.matches(line).count(), times, "{line}");
    }
    assert!(!inf.contains("$ARCH$"), "nothing is left for stampinf");
    assert_eq!(
        inf.matches("PCI\\VEN_").count(),
        2,
        "no hardware ID of the template is left"
    );
    assert!(
        !inf.contains("pf_broker"),
        "no name of the template is left: {inf}"
    );
}

#[test]
fn every_line_ends_as_windows_ends_lines() {
    let inf = render(TEMPLATE, &parameters());
    assert_eq!(inf.matches('\n').count(), inf.matches("\r\n").count());
}

#[test]
fn quotation_marks_and_percent_signs_are_doubled() {
    assert_eq!(quoted(r#"100% "good""#), r#""100%% ""good""""#);
}

#[test]
fn text_that_is_not_ascii_makes_the_inf_utf_16() {
    assert_eq!(encode("ab"), b"ab");
    assert_eq!(encode("ä"), [0xFF, 0xFE, 0xE4, 0]);
}

#[test]
fn every_value_of_the_device_takes_its_one_place_in_the_filters_template() {
    let inf = render(FILTER_TEMPLATE, &parameters());
    for (line, times) in [
        ("Class       = Extension\r\n", 1),
        (
            "ClassGuid   = {E2F84CE7-8EFA-411C-AA69-97454CA4CB57}\r\n",
            1,
        ),
        (
            "ExtensionId = {0ABC000D-6C9E-8F31-8A52-7D3C00000000}\r\n",
            1,
        ),
        ("DriverVer   = 02/03/2026,1.2.3.4\r\n", 1),
        (
            "%DeviceDescription% = PfBroker,PCI\\VEN_0ABC&DEV_000E\r\n",
            1,
        ),
        ("HKR,,NumVFs,0x00010003,12\r\n", 1),
        ("HKR,,BlockTable,0x00000001,\\\r\n", 1),
        ("CatalogFile = cx100.cat\r\n", 1),
        ("AddFilter = CxService,,PfBroker.Filter\r\n", 1),
        (
            "AddService = CxService,0x00000000,PfBroker.Service,PfBroker.EventLog\r\n",
            1,
        ),
        ("KmdfService = CxService,PfBroker.Wdf\r\n", 1),
        ("ServiceBinary = %13%\\cx.sys\r\n", 1),
        ("NTarm64.10.0...18362", 2),
    ] {
        assert_eq!(inf.matches(line).count(), times, "{line}");
    }
    assert!(
        !inf.contains("$ARCH$") && !inf.contains("pf_broker"),
        "nothing of the template is left: {inf}"
    );
}

#[test]
fn message_signaled_interrupts_are_values_of_either_template() {
    const KEY: &str = "HKR,Interrupt Management\\MessageSignaledInterruptProperties,";
    for template in [TEMPLATE, FILTER_TEMPLATE] {
        let without = render(template, &parameters());
        assert!(!without.contains("Interrupt"), "{without}");
        for limit in [None, Some(64)] {
            let msi = Some(Msi { limit });
            let inf = render(
                template,
                &Parameters {
                    msi,
                    ..parameters()
                },
            );
            assert!(inf.contains(&format!("{KEY}MSISupported,0x00010001,1\r\n")));
            let limited = inf.contains(&format!("{KEY}MessageNumberLimit,0x00010001,64\r\n"));
            assert_eq!(limited, limit.is_some(), "{inf}");
        }
    }
}
