parcelable T{const@nullable void[][]x;}
