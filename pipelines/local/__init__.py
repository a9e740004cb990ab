"""Commands of one machine: `demo`, `up`, `doctor`, and `new`, which drafts a spec."""
