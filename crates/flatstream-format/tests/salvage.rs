//! Frames behind damage.
