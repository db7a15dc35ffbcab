//! Writes files to a `tar.gz` or `zip` archive, in the order of their names and with one time for all,
//! so that the same files give the same archive.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use fs_err::File;
use zip::write::SimpleFileOptions;

/// Where each file of an archive comes from, by its name in the archive.
pub(super) type Files = BTreeMap<String, PathBuf>;

/// What one archive holds: a folder with files.
pub(super) struct Archive<'a> {
    folder: &'a str,
    files: Files,
    /// Seconds since 1970.
    time: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn new(folder: &'a str, files: Files, time: u64) -> Self {
        Self {
            folder,
            files,
            time,
        }
    }

    /// Writes the archive to `path`.
    pub(super) fn write_tar_gz(&self, path: &Path) -> Result<()> {
        // The header of gzip has no time: it would be the only difference between two builds.
        let gzip = GzEncoder::new(File::create(path)?, Compression::best());
        let mut tar = tar::Builder::new(gzip);
        for (name, source) in &self.files {
            let bytes = fs_err::read(source)?;
            let mut header = tar::Header::new_gnu();
            header.set_size(u64::try_from(bytes.len())?);
            header.set_mode(mode(name));
            header.set_mtime(self.time);
            tar.append_data(&mut header, self.entry(name), &bytes[..])?;
        }
        Ok(tar.into_inner()?.finish()?.sync_all()?)
    }

    /// Writes the archive to `path`.
    pub(super) fn write_zip(&self, path: &Path) -> Result<()> {
        let mut zip = zip::ZipWriter::new(File::create(path)?);
        for (name, source) in &self.files {
            let options = SimpleFileOptions::DEFAULT.unix_permissions(mode(name));
            zip.start_file(self.entry(name), options)?;
            zip.write_all(&fs_err::read(source)?)?;
        }
        Ok(zip.finish()?.sync_all()?)
    }

    fn entry(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

/// The permissions of a file: programs can be started.
fn mode(name: &str) -> u32 {
    if name == "pfbctl" { 0o755 } else { 0o644 }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::{Archive, Files};

    fn files(folder: &std::path::Path) -> Files {
        ["pfbctl", "docs/a.md"]
            .into_iter()
            .map(|name| {
                let source = folder.join(name.replace('/', "-"));
                fs_err::write(&source, name.repeat(1000)).unwrap();
                (name.to_owned(), source)
            })
            .collect()
    }

    #[test]
    fn a_tar_archive_has_each_file_with_its_bytes_its_mode_and_the_time_of_the_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar.gz");
        Archive::new("x", files(folder.path()), 1_700_000_000)
            .write_tar_gz(&path)
            .unwrap();
        let gzip = flate2::read::GzDecoder::new(fs_err::File::open(&path).unwrap());
        let mut seen = Vec::new();
        for entry in tar::Archive::new(gzip).entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let header = entry.header();
            let (mode, time) = (header.mode().unwrap(), header.mtime().unwrap());
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            assert!(text == name[2..].repeat(1000));
            seen.push((name, mode, time));
        }
        assert_eq!(
            seen,
            [
                ("x/docs/a.md".to_owned(), 0o644, 1_700_000_000),
                ("x/pfbctl".to_owned(), 0o755, 1_700_000_000)
            ]
        );
    }

    #[test]
    fn a_zip_archive_has_each_file_with_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        Archive::new("x", files(folder.path()), 0)
            .write_zip(&path)
            .unwrap();
        let mut zip = zip::ZipArchive::new(fs_err::File::open(&path).unwrap()).unwrap();
        for name in ["docs/a.md", "pfbctl"] {
            let mut text = String::new();
            zip.by_name(&format!("x/{name}"))
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            assert!(text == name.repeat(1000));
        }
        assert_eq!(zip.len(), 2);
    }

    #[test]
    fn the_same_files_give_the_same_archives() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let archive = Archive::new("x", files(folder.path()), 7);
            let paths = ["tar.gz", "zip"].map(|end| folder.path().join(format!("{name}.{end}")));
            archive.write_tar_gz(&paths[0]).unwrap();
            archive.write_zip(&paths[1]).unwrap();
            paths.map(|path| fs_err::read(path).unwrap())
        };
        assert!(write("one") == write("two"));
    }
}
