parcelable P { enum E { A } enum F { A } E a = F.A; }
