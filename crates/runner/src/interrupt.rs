use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C (and a polite kill) ask for a clean stop; a second one ends the program at once.
///
/// # Errors
/// When the system refuses a handler.
pub(crate) fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            end_at_once();
        }
        eprintln!("\nStopping after the step under way; once more to stop at once.");
    })
}

/// Ends the process without running destructors, which libtorch's threads would still be using.
#[allow(unsafe_code)]
fn end_at_once() -> ! {
    // SAFETY: `_exit` has no precondition. Files are written atomically, so none is left half-written.
    unsafe { libc::_exit(1) }
}

/// Lets `faus … | head` end quietly: Rust ignores the signal of a closed pipe, and then printing panics.
#[cfg(unix)]
#[allow(unsafe_code)]
pub(crate) fn end_with_a_closed_pipe() {
    // SAFETY: the default action is set before any thread is started.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

#[cfg(not(unix))]
pub(crate) fn end_with_a_closed_pipe() {}

/// Makes a file that may not grow further (a limit of the shell's) an error with a name, like a full disk, instead of a
/// signal that ends the program.
#[cfg(unix)]
#[allow(unsafe_code)]
pub(crate) fn get_errors_for_large_files() {
    // SAFETY: as above; an ignored signal has no handler that could run.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

#[cfg(not(unix))]
pub(crate) fn get_errors_for_large_files() {}

/// Set when the user asked to stop.
pub(crate) fn stop() -> &'static AtomicBool {
    &STOP
}

/// Whether the user asked to stop.
pub(crate) fn stopped() -> bool {
    STOP.load(Ordering::SeqCst)
}
