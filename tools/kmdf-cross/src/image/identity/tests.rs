//! Sealed images: linked for real in folders of different names, and ones that cannot be sealed.

use std::path::Path;
use std::process::Command;

use object::Object as _;
use object::read::pe::PeFile64;

use super::{checksum, only_place, seal};
use crate::llvm::LLVM;
use build_steps::process::run;

/// Links an image of one function below `folder`; returns image and symbols.
fn linked(folder: &Path, result: u8) -> (Vec<u8>, Vec<u8>) {
    let tool = |name: &str, arguments: &[&str]| {
        let mut command = Command::new(format!("{LLVM}/bin/{name}"));
        run(command.current_dir(folder).args(arguments)).unwrap();
    };
    let path = |name: &str| folder.join(name);
    fs_err::create_dir_all(folder).unwrap();
    let source = format!("int FxDriverEntry(void) {{ return {result}; }}\n");
    fs_err::write(path("entry.c"), source).unwrap();
    tool(
        "clang",
        &["--target=x86_64-pc-windows-msvc", "-g", "-c", "entry.c"],
    );
    let out = format!("/OUT:{}", path("image.sys").display());
    tool(
        "lld-link",
        &[
            "/DLL",
            "/NODEFAULTLIB",
            "/ENTRY:FxDriverEntry",
            "/BREPRO",
            "/DEBUG",
            "/PDBALTPATH:image.pdb",
            &out,
            "entry.o",
        ],
    );
    let read = |name| fs_err::read(path(name)).unwrap();
    (read("image.sys"), read("image.pdb"))
}

fn guid(image: &[u8]) -> [u8; 16] {
    let file = PeFile64::parse(image).unwrap();
    file.pdb_info().unwrap().unwrap().guid()
}

#[test]
#[ignore = "needs clang-19 and lld-19"]
fn one_source_linked_in_two_folders_gives_one_sealed_image() {
    let folder = tempfile::tempdir().unwrap();
    let (mut one, mut symbols) = linked(&folder.path().join("one"), 0);
    let (mut other, mut other_symbols) = linked(&folder.path().join("another/place"), 0);
    assert_ne!(
        one, other,
        "the linker makes no difference any more: sealing can go"
    );

    seal(&mut one, &mut symbols).unwrap();
    seal(&mut other, &mut other_symbols).unwrap();
    assert_eq!(one, other);
    // Both symbol files now belong to the one image.
    for symbols in [&symbols, &other_symbols] {
        only_place(symbols, &guid(&one)).unwrap();
    }
}

#[test]
#[ignore = "needs clang-19 and lld-19"]
fn other_code_gives_another_identity_and_every_sealed_image_a_true_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let sealed = [0, 1].map(|result| {
        let (mut image, mut symbols) = linked(&folder.path().join("here"), result);
        seal(&mut image, &mut symbols).unwrap();
        image
    });
    assert_ne!(guid(&sealed[0]), guid(&sealed[1]));
    for image in &sealed {
        let place = checksum::place(&PeFile64::parse(&image[..]).unwrap());
        let stored = u32::from_le_bytes(image[place.clone()].try_into().unwrap());
        assert_eq!(stored, checksum::of(image, &place));
    }
}

#[test]
#[ignore = "needs clang-19 and lld-19"]
fn symbols_of_another_image_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (mut image, _) = linked(&folder.path().join("one"), 0);
    let (_, mut symbols) = linked(&folder.path().join("other"), 1);
    let error = seal(&mut image, &mut symbols).unwrap_err();
    assert!(error.to_string().contains("another image's"), "{error:#}");
}

#[test]
fn a_guid_that_stands_in_the_symbols_twice_is_refused() {
    let error = only_place(&[7; 17], &[7; 16]).unwrap_err();
    assert!(error.to_string().contains("more than once"), "{error:#}");
}

#[test]
fn a_file_that_is_no_image_is_refused() {
    let error = seal(&mut b"MZ and nothing else".to_owned(), &mut []).unwrap_err();
    assert!(
        error.to_string().contains("not a 64-bit PE file"),
        "{error:#}"
    );
}
