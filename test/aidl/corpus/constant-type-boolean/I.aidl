interface I { const boolean A = true; }
