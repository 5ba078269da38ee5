package p; enum T { A0 = (A0 || E.X), }
