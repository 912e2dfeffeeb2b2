//! The terminal front end of placemat2: a client of the engine's API, like `pmctl2`.
//!
//! It never reads lab files and never touches the kernel's network: whatever it shows or does goes through the
//! API of a running lab.
