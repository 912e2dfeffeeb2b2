//! The face as its clients see it: hostile ones, and the tools of the field.

mod figures;
mod hostile;
mod scene;
mod tools;
