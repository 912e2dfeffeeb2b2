//! The face as a whole: requests to it and what comes of them.

mod accounts;
mod certificates;
mod clients;
mod crawl;
mod events;
mod figures;
mod hostile;
mod https;
mod media;
mod requests;
mod steering;
