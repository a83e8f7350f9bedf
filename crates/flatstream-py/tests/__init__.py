"""Tests of the wheel, which has to be installed; `cargo xtask wheel` runs them."""
