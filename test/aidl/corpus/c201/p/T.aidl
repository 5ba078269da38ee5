package p; enum T { A0 = A0, B = C }
