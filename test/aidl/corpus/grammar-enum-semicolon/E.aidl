enum E { A; }
