/// Statements of every kind, to run properties over.
enum Corpus {
    static let all = [
        "SELECT 1", "SELECT -1, - 1, +1, a-1, (-1)", "SELECT a ? 'b', a ?| array['x','y']",
        "SELECT * FROM t WHERE (a, b) IN ((1,2), (3,(4)))", "VALUES (1,2),(3,4),(5,now())",
        "INSERT INTO t VALUES (1,'x'),(2,default),(f(3),NULL)", "SELECT (SELECT 1 WHERE a IN (VALUES (1),(2)))",
        "SELECT $$a$$, $x$b$x$, E'\\'', U&'\\0061', B'1', X'1'", "SELECT a[1:2], b[1], ARRAY[[1,2],[3,4]]",
        "UPDATE t SET (a,b) = (1,2) WHERE c = ANY('{1}')", "SELECT 'a'\n'b', 'c' 'd'",
        "SELECT a.b.c, d . e, f.*, 1.5, .5, 1.", "BEGIN; SELECT 1; COMMIT;", "SELECT 'unterminated",
        "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql", "SELECT a--b\n,c", "SELECT @ -5, |/ 25.0",
        "SELECT 1 IN (1,-1,- -1)", "select ((((1))))", "((((", "))))", "in (,)", "in (1,)", "in (?)", "values values",
        "VALUES (1) , (1), (2)", "a:b :c ::d := e", "SELECT interval '1' day, date '2020-01-01'",
    ]
}
