use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C (and a polite kill) ask for a clean stop; a second one ends the program at once.
///
/// # Errors
/// When the system refuses a handler.
pub(crate) fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(1);
        }
        eprintln!("\nStopping after the step under way; once more to stop at once.");
    })
}

/// Set when the user asked to stop.
pub(crate) fn stop() -> &'static AtomicBool {
    &STOP
}

/// Whether the user asked to stop.
pub(crate) fn stopped() -> bool {
    STOP.load(Ordering::SeqCst)
}
