interface I { enum E { A } const E X = E.A; }
