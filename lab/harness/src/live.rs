//! A conversation with a run: input that arrives while the run goes on, and output that is passed
//! on at once.

use std::io::{Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// How often a run's end and the growth of its output are tested.
pub(crate) const STEP: Duration = Duration::from_millis(20);

/// What the runner carries out first when it serves: its answer shows that the image runs.
pub(crate) const SERVED: &[u8] = b"pfbctl list\n";

/// The input so far.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    /// Whole lines that are not blank. The runner answers each.
    requests: usize,
    /// The line that is not whole yet is not blank.
    has_begun_line: bool,
    has_ended: bool,
}

impl Received {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else {
                self.has_begun_line |= !byte.is_ascii_whitespace();
            }
        }
    }

    fn end_line(&mut self) {
        self.requests += usize::from(self.has_begun_line);
        self.has_begun_line = false;
    }

    fn end(&mut self) {
        self.end_line();
        self.has_ended = true;
    }
}

type Shared = (Mutex<Received>, Condvar);

/// A conversation. It keeps its input, because a run that could not begin is begun once more.
pub(crate) struct Live {
    received: Arc<Shared>,
    /// What ends the conversation of a run that serves other programs, whatever its input does.
    end: Option<Arc<AtomicBool>>,
    output: Mutex<Box<dyn Write + Send>>,
    /// Bytes of the run's output that were passed on, and the lines among them.
    shown: AtomicU64,
    answers: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// A conversation with the process that writes `input` and reads `output`.
    pub(crate) fn new(
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> Self {
        let received = Arc::<Shared>::default();
        let shared = Arc::clone(&received);
        // Detached: a read of standard input cannot be interrupted.
        thread::spawn(move || {
            receive(input, &shared);
            let (received, changed) = &*shared;
            lock(received).end();
            changed.notify_all();
        });
        Self::with(received, None, output)
    }

    /// A conversation that goes on after the end of its input, until `end` becomes true.
    pub(crate) fn until(
        end: Arc<AtomicBool>,
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
    ) -> Self {
        let received = Arc::<Shared>::default();
        let shared = Arc::clone(&received);
        thread::spawn(move || receive(input, &shared));
        Self::with(received, Some(end), output)
    }

    fn with(
        received: Arc<Shared>,
        end: Option<Arc<AtomicBool>>,
        output: impl Write + Send + 'static,
    ) -> Self {
        Self {
            received,
            end,
            output: Mutex::new(Box::new(output)),
            shown: AtomicU64::new(0),
            answers: AtomicUsize::new(0),
        }
    }

    /// Whether the run serves other programs until it is ended.
    pub(crate) fn serves(&self) -> bool {
        self.end.is_some()
    }

    /// Passes a line for the user on.
    ///
    /// # Errors
    /// When the reader of the output is gone.
    pub(crate) fn tell(&self, line: &str) -> Result<()> {
        let mut output = lock(&self.output);
        writeln!(output, "{line}")
            .and_then(|()| output.flush())
            .context("pass a line on")
    }

    /// Writes the input to the runner as it arrives, to its end or until the run is `over`.
    pub(crate) fn feed(&self, mut runner: impl Write, over: &AtomicBool) {
        let (received, changed) = &*self.received;
        let mut sent = 0;
        loop {
            let is_idle =
                |received: &mut Received| received.bytes.len() == sent && !received.has_ended;
            let waited = changed.wait_timeout_while(lock(received), STEP, is_idle);
            let (mut received, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if self
                .end
                .as_ref()
                .is_some_and(|end| end.load(Ordering::Relaxed))
            {
                received.end();
            }
            let new = received.bytes[sent..].to_vec();
            let has_ended = received.has_ended;
            drop(received);
            // A runner that ends early closes its end, which its exit code explains.
            let written = runner.write_all(&new).and_then(|()| runner.flush());
            sent += new.len();
            if over.load(Ordering::Relaxed) || has_ended || written.is_err() {
                return;
            }
        }
    }

    /// Passes on what the run has written to the file `output` since the last call.
    ///
    /// # Errors
    /// When the file cannot be read, or the reader of the output is gone.
    pub(crate) fn show(&self, output: &Path) -> Result<()> {
        let mut written = fs_err::File::open(output)?;
        written.seek(SeekFrom::Start(self.shown.load(Ordering::Relaxed)))?;
        let mut new = Vec::new();
        written.read_to_end(&mut new)?;
        let mut output = lock(&self.output);
        output
            .write_all(&new)
            .and_then(|()| output.flush())
            .context("pass on what the run writes")?;
        self.shown.fetch_add(new.len() as u64, Ordering::Relaxed);
        let lines = new.split(|&byte| byte == b'\n').count() - 1;
        self.answers.fetch_add(lines, Ordering::Relaxed);
        Ok(())
    }

    /// Whether more input can come.
    pub(crate) fn is_open(&self) -> bool {
        !lock(&self.received.0).has_ended
    }

    /// Whether the run has answered every line so far: it is silent because it waits for input.
    pub(crate) fn is_answered(&self) -> bool {
        self.answers.load(Ordering::Relaxed) >= lock(&self.received.0).requests
    }
}

/// Collects the input, to its end.
fn receive(mut input: impl Read, shared: &Shared) {
    let (received, changed) = shared;
    let mut chunk = [0; 4096];
    loop {
        // An input that fails ends, as for every program in a pipe.
        let read = input.read(&mut chunk).unwrap_or(0);
        if read == 0 {
            return;
        }
        lock(received).push(&chunk[..read]);
        changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read as _, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::Live;

    #[test]
    fn input_is_fed_as_it_arrives_and_output_is_passed_on_as_it_grows() {
        let (input, mut sender) = io::pipe().unwrap();
        let (mut reader, output) = io::pipe().unwrap();
        let (mut fed, runner) = io::pipe().unwrap();
        let live = Live::new(input, output);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output");
        fs_err::write(&file, "").unwrap();
        thread::scope(|scope| {
            scope.spawn(|| live.feed(runner, &AtomicBool::new(false)));
            let mut bytes = [0; 4];
            for (line, answer) in [(b"one\n", b"ONE\n"), (b"two\n", b"TWO\n")] {
                sender.write_all(line).unwrap();
                fed.read_exact(&mut bytes).unwrap();
                assert_eq!(bytes, *line);
                assert!(!live.is_answered());
                let mut all = fs_err::read(&file).unwrap();
                all.extend_from_slice(answer);
                fs_err::write(&file, all).unwrap();
                live.show(&file).unwrap();
                reader.read_exact(&mut bytes).unwrap();
                assert_eq!(bytes, *answer);
                assert!(live.is_answered());
            }
            assert!(live.is_open());
            drop(sender);
            assert_eq!(fed.read(&mut bytes).unwrap(), 0);
        });
        assert!(!live.is_open());
    }

    #[test]
    fn a_run_that_serves_goes_on_after_the_end_of_its_input() {
        let end = Arc::new(AtomicBool::new(false));
        let live = Live::until(Arc::clone(&end), &b"one"[..], io::sink());
        let (mut fed, runner) = io::pipe().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| live.feed(runner, &AtomicBool::new(false)));
            let mut bytes = [0; 3];
            fed.read_exact(&mut bytes).unwrap();
            assert!(live.is_open());
            end.store(true, Ordering::Relaxed);
            assert_eq!(fed.read(&mut bytes).unwrap(), 0);
        });
        assert!(!live.is_open());
    }

    #[test]
    fn a_run_that_begins_once_more_gets_the_input_from_its_beginning() {
        let live = Live::new(&b"one\ntwo\n"[..], io::sink());
        for _ in 0..2 {
            let (mut fed, runner) = io::pipe().unwrap();
            live.feed(runner, &AtomicBool::new(false));
            let mut text = String::new();
            fed.read_to_string(&mut text).unwrap();
            assert_eq!(text, "one\ntwo\n");
        }
    }
}
