import java.sql.*;
import java.util.*;
import java.util.concurrent.*;

/** What applications on the JVM do with MariaDB or MySQL. Each check prints its name when it holds; any exception ends the program. */
public final class MySQLSmoke {
    private static String url;

    private static Connection open(String... more) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", System.getenv("MYSQL_USER"));
        p.setProperty("password", System.getenv("MYSQL_PWD"));
        p.setProperty("allowPublicKeyRetrieval", "true");
        p.setProperty("useSSL", "false");
        for (int i = 0; i < more.length; i += 2) p.setProperty(more[i], more[i + 1]);
        return DriverManager.getConnection(url, p);
    }

    private static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    /** Three connections whose statements have the same numbers on the wire, in turn. */
    private static void preparedStatements(String onServer) throws Exception {
        String[] options = {"useServerPrepStmts", onServer, "rewriteBatchedStatements", "false"};
        try (Connection a = open(options); Connection b = open(options); Connection c = open(options)) {
            Connection[] all = {a, b, c};
            List<PreparedStatement> statements = new ArrayList<>();
            for (int i = 0; i < all.length; i++) statements.add(all[i].prepareStatement("SELECT ? + " + i + ", 'of " + i + "', ?"));
            for (int turn = 0; turn < 20; turn++) {
                for (int i = 0; i < all.length; i++) {
                    PreparedStatement s = statements.get(i);
                    s.setInt(1, turn);
                    if (turn % 2 == 0) s.setString(2, "text ß"); else s.setNull(2, Types.VARCHAR);
                    try (ResultSet r = s.executeQuery()) {
                        check(r.next() && r.getInt(1) == turn + i && r.getString(2).equals("of " + i), "row of " + i);
                        check(turn % 2 == 0 ? r.getString(3).equals("text ß") : r.getString(3) == null, "parameter of " + i);
                    }
                }
            }
        }
        System.out.println("preparedStatements " + onServer);
    }

    private static void batchesAndKeys(String... options) throws Exception {
        try (Connection c = open(options); Statement s = c.createStatement()) {
            s.execute("DROP TABLE IF EXISTS jdbc_t");
            s.execute("CREATE TABLE jdbc_t (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(50), b BLOB)");
            c.setAutoCommit(false);
            try (PreparedStatement p = c.prepareStatement("INSERT INTO jdbc_t (t, b) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
                for (int i = 0; i < 1000; i++) {
                    p.setString(1, "t" + i);
                    p.setBytes(2, new byte[] {0, (byte) i});
                    p.addBatch();
                }
                check(p.executeBatch().length == 1000, "batch");
                int keys = 0;
                try (ResultSet r = p.getGeneratedKeys()) { while (r.next()) keys++; }
                check(keys > 0, "keys");
            }
            Savepoint before = c.setSavepoint("before");
            try {
                s.execute("INSERT INTO jdbc_t (id) VALUES (1)");
                check(false, "unique");
            } catch (SQLException e) {
                check(e.getErrorCode() == 1062 && e.getSQLState().equals("23000"), e.toString());
            }
            c.rollback(before);
            c.commit();
            try (PreparedStatement p = c.prepareStatement("SELECT id, b FROM jdbc_t ORDER BY id")) {
                p.setFetchSize(17);
                int n = 0;
                try (ResultSet r = p.executeQuery()) { while (r.next()) { check(r.getBytes(2).length == 2, "bytes"); n++; } }
                check(n == 1000, "rows " + n);
            }
            c.commit();
        }
        System.out.println("batchesAndKeys " + String.join(" ", options));
    }

    private static void procedures() throws Exception {
        try (Connection c = open("allowMultiQueries", "true"); Statement s = c.createStatement()) {
            s.execute("DROP PROCEDURE IF EXISTS jdbc_p");
            s.execute("CREATE PROCEDURE jdbc_p(IN a INT, INOUT b INT, OUT c VARCHAR(9)) BEGIN SELECT a; SET b = a + b, c = 'out'; SELECT b; END");
            try (CallableStatement call = c.prepareCall("{CALL jdbc_p(?, ?, ?)}")) {
                call.setInt(1, 1);
                call.setInt(2, 2);
                call.registerOutParameter(2, Types.INTEGER);
                call.registerOutParameter(3, Types.VARCHAR);
                check(call.execute(), "a result");
                check(call.getInt(2) == 3 && call.getString(3).equals("out"), "out parameters");
            }
            boolean more = s.execute("SELECT 1; DO 2; SELECT 3");
            check(more, "first of three");
            check(!s.getMoreResults() && s.getUpdateCount() == 0, "second of three");
            check(s.getMoreResults(), "third of three");
        }
        System.out.println("procedures");
    }

    private static void settings() throws Exception {
        try (Connection c = open("sessionVariables", "sql_mode=ANSI_QUOTES,time_zone='+05:00'"); Connection d = open()) {
            for (int turn = 0; turn < 5; turn++) {
                try (ResultSet r = c.createStatement().executeQuery("SELECT @@sql_mode, @@time_zone")) {
                    check(r.next() && r.getString(1).equals("ANSI_QUOTES") && r.getString(2).equals("+05:00"), "settings");
                }
                try (ResultSet r = d.createStatement().executeQuery("SELECT @@sql_mode, @@time_zone")) {
                    check(r.next() && !r.getString(1).equals("ANSI_QUOTES") && r.getString(2).equals("+00:00"), "another's settings");
                }
            }
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            check(c.getTransactionIsolation() == Connection.TRANSACTION_SERIALIZABLE, "isolation");
            check(d.getTransactionIsolation() == Connection.TRANSACTION_REPEATABLE_READ, "another's isolation");
            c.setCatalog("other");
            check(c.getCatalog().equals("other") && d.getCatalog().equals("app"), "catalog");
            c.setReadOnly(true);
            c.setAutoCommit(false);
            c.createStatement().executeQuery("SELECT 1").close();
            c.rollback();
            try (ResultSet r = d.getMetaData().getTables("app", null, "jdbc_%", null)) { check(r.next(), "metadata"); }
            check(d.isValid(5), "valid");
        }
        System.out.println("settings");
    }

    private static void cancelAndTimeout() throws Exception {
        try (Connection c = open(); Statement s = c.createStatement()) {
            s.execute("DO 1");
            Statement slow = c.createStatement();
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(500);
                    slow.cancel();
                } catch (Exception e) {
                    e.printStackTrace();
                }
            });
            canceller.start();
            try (ResultSet r = slow.executeQuery("SELECT SLEEP(30)")) {
                check(r.next() && r.getInt(1) == 1, "cancelled");
            } catch (SQLException e) {
                check(e.getErrorCode() == 1317, e.toString());
            }
            canceller.join();
            check(s.execute("SELECT 1"), "after it");
        }
        System.out.println("cancelAndTimeout");
    }

    private static void manyThreads(String onServer) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        List<Future<?>> all = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
            final int me = t;
            all.add(threads.submit(() -> {
                try (Connection c = open("useServerPrepStmts", onServer)) {
                    for (int i = 0; i < 60; i++) {
                        try (PreparedStatement p = c.prepareStatement("SELECT ? * 1000 + ?")) {
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
        System.out.println("manyThreads " + onServer);
    }

    public static void main(String[] arguments) throws Exception {
        url = "jdbc:" + System.getenv("JDBC_SCHEME") + "://" + System.getenv("MYSQL_HOST") + ":" + System.getenv("MYSQL_TCP_PORT") + "/" + System.getenv("MYSQL_DATABASE");
        for (String what : arguments) {
            String[] parts = what.split(":");
            switch (parts[0]) {
                case "prepared" -> preparedStatements(parts[1]);
                case "batches" -> batchesAndKeys("useServerPrepStmts", parts[1], "rewriteBatchedStatements", parts[2], "useBulkStmts", parts[3]);
                case "procedures" -> procedures();
                case "settings" -> settings();
                case "cancel" -> cancelAndTimeout();
                case "threads" -> manyThreads(parts[1]);
                default -> throw new IllegalArgumentException(what);
            }
        }
    }
}
