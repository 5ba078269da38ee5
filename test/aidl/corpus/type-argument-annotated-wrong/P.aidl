parcelable P { Map<String, @VintfStability String> a; }
