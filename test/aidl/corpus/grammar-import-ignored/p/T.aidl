package p; import android.os.IBinder; import java.util.List; import java.lang.String; interface T { void f(in List<String> l); }
