//! Tests filter activations against FACS action-unit labels.
