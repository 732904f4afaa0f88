"""Terraform's JSON: plan 1.2, state 1.0, diagnostics, under the names that policies for Terraform know. Pure."""
