import java.io.StringReader;
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** What applications on the JVM do. Each check prints its name when it holds; any exception ends the program. */
public final class Smoke {
    private static String url;
    private static Properties login;

    private static Connection open(String... more) throws SQLException {
        Properties p = new Properties();
        p.putAll(login);
        for (int i = 0; i < more.length; i += 2) p.setProperty(more[i], more[i + 1]);
        return DriverManager.getConnection(url, p);
    }

    private static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    /** After five executions the driver names its statements (S_1, …), alike on every connection. */
    private static void preparedStatements(String threshold) throws Exception {
        try (Connection a = open("prepareThreshold", threshold); Connection b = open("prepareThreshold", threshold);
             Connection c = open("prepareThreshold", threshold)) {
            Connection[] all = {a, b, c};
            List<PreparedStatement> statements = new ArrayList<>();
            for (int i = 0; i < all.length; i++) statements.add(all[i].prepareStatement("SELECT ? + " + i + "::int, 'of " + i + "'"));
            for (int turn = 0; turn < 20; turn++) {
                for (int i = 0; i < all.length; i++) {
                    PreparedStatement s = statements.get(i);
                    s.setInt(1, turn);
                    try (ResultSet r = s.executeQuery()) {
                        check(r.next() && r.getInt(1) == turn + i && r.getString(2).equals("of " + i), "row of " + i);
                    }
                }
            }
        }
        System.out.println("preparedStatements " + threshold);
    }

    private static void batchesAndKeys() throws Exception {
        try (Connection c = open("reWriteBatchedInserts", "true"); Statement s = c.createStatement()) {
            s.execute("DROP TABLE IF EXISTS jdbc_t; CREATE TABLE jdbc_t (id serial PRIMARY KEY, t text, b bytea)");
            c.setAutoCommit(false);
            try (PreparedStatement p = c.prepareStatement("INSERT INTO jdbc_t (t, b) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int i = 0; i < 1000; i++) {
                    p.setString(1, "t" + i);
                    p.setBytes(2, new byte[] {0, (byte) i});
                    p.addBatch();
                }
                check(p.executeBatch().length == 1000, "batch");
            }
            Savepoint before = c.setSavepoint();
            try {
                s.execute("INSERT INTO jdbc_t (id) VALUES (1)");
                check(false, "unique");
            } catch (SQLException e) {
                check(e.getSQLState().equals("23505"), e.getSQLState());
            }
            c.rollback(before);
            c.commit();
            try (PreparedStatement p = c.prepareStatement("SELECT id, b FROM jdbc_t ORDER BY id")) {
                p.setFetchSize(17); // a portal, row by row
                int n = 0;
                try (ResultSet r = p.executeQuery()) { while (r.next()) { check(r.getBytes(2).length == 2, "bytes"); n++; } }
                check(n == 1000, "rows " + n);
            }
            c.commit();
        }
        System.out.println("batchesAndKeys");
    }

    private static void copy() throws Exception {
        try (Connection c = open()) {
            CopyManager copy = c.unwrap(PGConnection.class).getCopyAPI();
            c.createStatement().execute("DROP TABLE IF EXISTS jdbc_copy; CREATE TABLE jdbc_copy (i int)");
            StringBuilder rows = new StringBuilder();
            for (int i = 0; i < 5000; i++) rows.append(i).append('\n');
            check(copy.copyIn("COPY jdbc_copy FROM STDIN", new StringReader(rows.toString())) == 5000, "copied");
            try {
                copy.copyIn("COPY jdbc_copy FROM STDIN", new StringReader("x\n"));
                check(false, "bad data");
            } catch (SQLException e) {
                check(e.getSQLState().equals("22P02"), e.getSQLState());
            }
            java.io.StringWriter out = new java.io.StringWriter();
            check(copy.copyOut("COPY jdbc_copy TO STDOUT", out) == 5000, "copied out");
        }
        System.out.println("copy");
    }

    private static void settings() throws Exception {
        try (Connection c = open("ApplicationName", "jdbc app", "currentSchema", "pg_catalog", "options", "-c work_mem=5MB")) {
            try (ResultSet r = c.createStatement().executeQuery("SELECT current_setting('application_name'), current_setting('search_path'), current_setting('work_mem')")) {
                check(r.next() && r.getString(1).equals("jdbc app") && r.getString(2).equals("pg_catalog") && r.getString(3).equals("5MB"), "settings " + r.getString(2));
            }
            c.setReadOnly(true);
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            c.setAutoCommit(false);
            try (ResultSet r = c.createStatement().executeQuery("SHOW transaction_read_only")) {
                check(r.next() && r.getString(1).equals("on"), "read only");
            }
            c.rollback();
            DatabaseMetaData m = c.getMetaData();
            try (ResultSet r = m.getTables(null, "pg_catalog", "pg_class", null)) { check(r.next(), "metadata"); }
        }
        System.out.println("settings");
    }

    private static void cancelAndTimeout() throws Exception {
        try (Connection c = open(); Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            try {
                s.execute("SELECT pg_sleep(30)");
                check(false, "timeout");
            } catch (SQLException e) {
                check(e.getSQLState().equals("57014"), e.getSQLState());
            }
            s.setQueryTimeout(0);
            check(s.execute("SELECT 1"), "after it");
        }
        System.out.println("cancelAndTimeout");
    }

    private static void manyThreads(String threshold) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        List<Future<?>> all = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
            final int me = t;
            all.add(threads.submit(() -> {
                try (Connection c = open("prepareThreshold", threshold)) {
                    for (int i = 0; i < 60; i++) {
                        try (PreparedStatement p = c.prepareStatement("SELECT ?::int * 1000 + ?::int")) {
                            p.setInt(1, me);
                            p.setInt(2, i);
                            ResultSet r = p.executeQuery();
                            check(r.next() && r.getInt(1) == me * 1000 + i, "thread " + me);
                        }
                    }
                }
                return null;
            }));
        }
        for (Future<?> f : all) f.get(60, TimeUnit.SECONDS);
        threads.shutdown();
        System.out.println("manyThreads " + threshold);
    }

    public static void main(String[] arguments) throws Exception {
        url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        login = new Properties();
        login.setProperty("user", System.getenv("PGUSER"));
        login.setProperty("password", System.getenv("PGPASSWORD"));
        login.setProperty("loginTimeout", "20");
        for (String what : arguments) {
            String[] parts = what.split(":");
            switch (parts[0]) {
                case "prepared" -> preparedStatements(parts[1]);
                case "batches" -> batchesAndKeys();
                case "copy" -> copy();
                case "settings" -> settings();
                case "cancel" -> cancelAndTimeout();
                case "threads" -> manyThreads(parts[1]);
                default -> throw new IllegalArgumentException(what);
            }
        }
    }
}
