parcelable P { boolean a = true; boolean b = false; boolean c = !true; boolean d = 1 < 2; boolean e = 3; boolean f = true && false; }
