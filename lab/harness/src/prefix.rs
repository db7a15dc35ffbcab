//! Wine prefixes: one is created and cached, and every run uses a copy of it, so that runs do
//! not affect each other.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use build_steps::paths::Paths;
use build_steps::process::output;

/// Wine's loader. It needs no display.
const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver";
/// Files of a prefix that Wine rewrites in place: the registry.
const REGISTRY: [&str; 3] = ["system.reg", "user.reg", "userdef.reg"];

/// The first characters of the name of a run's prefix folder.
const RUN: &str = "prefix-";

/// A prefix for one run, deleted with the value.
#[derive(Debug)]
pub(crate) struct Prefix {
    folder: PathBuf,
}

impl Prefix {
    /// A copy of the cached prefix, which is made first when there is none.
    pub(crate) fn fresh(paths: &Paths) -> Result<Self> {
        let cache = cached(paths)?;
        let name = format!("{RUN}{}-{}", std::process::id(), unique());
        let prefix = Self {
            folder: paths.target().join("lab").join(name),
        };
        // Hard links: a prefix holds 700 MB that no run changes.
        let mut copy = Command::new("cp");
        output(copy.arg("-al").args([&cache, &prefix.folder]))?;
        for file in REGISTRY {
            let place = prefix.folder.join(file);
            fs_err::remove_file(&place)?;
            fs_err::copy(cache.join(file), &place)?;
        }
        Ok(prefix)
    }

    /// The name of its folder, which no other run has.
    pub(crate) fn name(&self) -> &OsStr {
        self.folder.file_name().unwrap_or_default()
    }

    /// The folder that is `C:`.
    pub(crate) fn drive(&self) -> PathBuf {
        self.folder.join("drive_c")
    }

    /// Sets a number in the registry, below `HKEY_LOCAL_MACHINE`, before anything runs. In the
    /// key's path each backslash is doubled, as in Wine's files.
    pub(crate) fn set_machine_value(&self, key: &str, name: &str, number: u32) -> Result<()> {
        let mut file = fs_err::OpenOptions::new()
            .append(true)
            .open(self.folder.join("system.reg"))?;
        writeln!(file, "\n[{key}]\n\"{name}\"=dword:{number:08x}")?;
        Ok(())
    }

    /// Registers a kernel driver that Wine's kernel may load: a service whose image is in the folder of
    /// drivers. The installation of an INF does the same, but only once a device was found.
    pub(crate) fn add_driver_service(&self, service: &str, image: &str) -> Result<()> {
        let mut file = fs_err::OpenOptions::new()
            .append(true)
            .open(self.folder.join("system.reg"))?;
        writeln!(
            file,
            "\n[System\\\\CurrentControlSet\\\\Services\\\\{service}]\n\
             \"ErrorControl\"=dword:00000001\n\
             \"Group\"=\"WinePlugPlay\"\n\
             \"ImagePath\"=\"C:\\\\windows\\\\system32\\\\drivers\\\\{image}\"\n\
             \"ObjectName\"=\"LocalSystem\"\n\
             \"Start\"=dword:00000003\n\
             \"Type\"=dword:00000001"
        )?;
        Ok(())
    }

    /// Writes a program that starts Windows programs in this prefix, beside a run, and returns its
    /// path. Windows programs are named by their path on either system.
    pub(crate) fn program_runner(&self) -> Result<PathBuf> {
        let place = self.folder.join("run");
        let variables = self.wine();
        let variables = variables.get_envs().map(|(name, value)| match value {
            Some(value) => format!("{}='{}'", name.display(), value.display()),
            None => format!("-u {}", name.display()),
        });
        // Unset ones come first.
        let mut variables: Vec<_> = variables.collect();
        variables.sort_by_key(|variable| !variable.starts_with('-'));
        let variables = variables.join(" ");
        // The kernel's log is that of the run.
        let script = format!("#!/bin/sh\nexec env {variables} WINEDEBUG=-all {WINE} \"$@\"\n");
        fs_err::write(&place, script)?;
        fs_err::set_permissions(&place, Permissions::from_mode(0o755))?;
        Ok(place)
    }

    /// Runs a program of this prefix.
    pub(crate) fn wine(&self) -> Command {
        wine(&self.folder)
    }

    /// Ends all processes in this prefix.
    pub(crate) fn stop(&self) {
        stop(&self.folder);
    }
}

fn stop(folder: &Path) {
    for word in ["-k", "-w"] {
        let mut server = Command::new(SERVER);
        server.env("WINEPREFIX", folder).arg(word);
        // The server fails when there is nothing to stop.
        let _ = output(&mut server);
    }
}

/// Ends the processes that killed runs left in the prefixes of this workspace, and deletes the
/// prefixes.
pub(crate) fn stop_all(paths: &Paths) -> Result<()> {
    let lab = paths.target().join("lab");
    if !lab.exists() {
        return Ok(());
    }
    for entry in fs_err::read_dir(lab)? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(RUN) {
            stop(&folder);
            fs_err::remove_dir_all(&folder)?;
        }
    }
    Ok(())
}

impl Drop for Prefix {
    fn drop(&mut self) {
        self.stop();
        // A folder that cannot be removed costs disk space and has a name that no other run uses.
        let _ = fs_err::remove_dir_all(&self.folder);
    }
}

fn unique() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn wine(folder: &Path) -> Command {
    let mut wine = Command::new(WINE);
    wine.env("WINEPREFIX", folder)
        // The kernel log: what drivers print, and errors of Wine's kernel.
        .env(
            "WINEDEBUG",
            "-all,err+ntoskrnl,err+plugplay,err+debugstr,warn+debugstr",
        )
        // A run installs its own HAL.DLL; elsewhere Wine's is still used.
        .env("WINEDLLOVERRIDES", "hal=n,b;mscoree=;mshtml=")
        .env_remove("DISPLAY");
    wine
}

fn cached(paths: &Paths) -> Result<PathBuf> {
    let lab = paths.target().join("lab");
    fs_err::create_dir_all(&lab)?;
    let cache = lab.join("prefix");
    // One of several concurrent runs creates the prefix for all. Closing the file unlocks it.
    let turn = fs_err::File::create(lab.join("prefix.lock"))?;
    turn.file().lock().context("wait for the Wine prefix")?;
    let finished = cache.join("finished");
    let version = output(Command::new(WINE).arg("--version"))?;
    if std::fs::read_to_string(&finished).ok().as_ref() == Some(&version) {
        return Ok(cache);
    }
    if cache.exists() {
        fs_err::remove_dir_all(&cache)?;
    }
    fs_err::create_dir_all(&cache)?;
    output(wine(&cache).args(["wineboot", "--init"])).context("make a Wine prefix")?;
    output(Command::new(SERVER).env("WINEPREFIX", &cache).arg("-w"))?;
    fs_err::write(&finished, version)?;
    Ok(cache)
}
