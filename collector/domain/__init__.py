"""One package per noun: tables, pure rules, queries."""
