parcelable P { enum E { A } enum E { B } }
