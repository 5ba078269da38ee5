parcelable P { union U { int a; } U.Tag t = U.Tag.a; U.Tag[] ts = {U.Tag.a}; }
