// Drives the stand-in with node-oracledb: reads where to connect from standard input, prints one line per case.
"use strict";

const assert = require("node:assert/strict");
const { createRequire } = require("node:module");
const path = require("node:path");

const fromCache = createRequire(path.join(process.env.NODE_CLIENT_CACHE, "package.json"));
const oracledb = fromCache("oracledb");

const LONG_TEXT = "zwölf € 𝄞 ".repeat(12000);

async function withConnection(target, work) {
  const connection = await oracledb.getConnection(target);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

async function refused(target, change, expected) {
  await assert.rejects(oracledb.getConnection({ ...target, ...change }), expected);
}

const canned = {
  async "a session knows its database"(target) {
    await withConnection(target, async (connection) => {
      assert.equal(connection.oracleServerVersionString, "19.22.0.0.0");
      assert.equal(connection.dbName, "CANNED");
      assert.equal(connection.instanceName, "CANNED1");
      assert.equal(connection.serviceName, "canned");
    });
  },

  async "logins are refused with Oracle's codes"(target) {
    await refused(target, { password: "wrong" }, /ORA-01017/);
    await refused(target, { user: "nobody" }, /ORA-01017/);
    await refused(target, { user: "locked" }, /ORA-28000/);
    await refused(target, { user: "expired" }, /ORA-28001/);
    await refused(target, { connectString: target.connectString + "x" }, /NJS-518/);
  },

  async "an expiring password is a warning"(target) {
    await withConnection({ ...target, user: "expiring" }, async (connection) => {
      assert.match(connection.warning.message, /ORA-28002/);
    });
  },

  async "every type arrives"(target) {
    await withConnection(target, async (connection) => {
      const options = {
        outFormat: oracledb.OUT_FORMAT_OBJECT,
        fetchTypeHandler: (column) =>
          ({
            [oracledb.DB_TYPE_CLOB]: { type: oracledb.STRING },
            [oracledb.DB_TYPE_BLOB]: { type: oracledb.BUFFER },
          })[column.dbType],
      };
      const { rows, metaData } = await connection.execute("select * from typed", [], options);
      const row = rows[0];
      assert.equal(metaData.length, 18);
      assert.equal(row.V, "größer €");
      assert.equal(row.NV, "naïve 𝄞");
      assert.equal(row.C, "ab   ");
      assert.equal(row.I, -42);
      assert.equal(row.N2, -1234.56);
      assert.equal(row.BF, 1.5);
      assert.equal(row.BD, -2.5e300);
      assert.equal(row.D.getTime(), new Date(2026, 10, 21, 6, 32, 20).getTime());
      assert.equal(row.TS.getMilliseconds(), 123);
      assert.equal(row.TSZ.toISOString(), "2026-11-21T06:32:20.123Z");
      assert.equal(row.IDS.days, -3);
      assert.deepEqual(row.R, Buffer.from([...Array(16).keys()]));
      assert.equal(row.CL, LONG_TEXT);
      assert.equal(row.BL.length, 102400);
    });
  },

  async "lobs are read through locators"(target) {
    await withConnection(target, async (connection) => {
      const { rows } = await connection.execute("select * from typed");
      assert.equal(await rows[0][16].getData(), LONG_TEXT);
      assert.equal((await rows[0][17].getData()).length, 102400);
    });
  },

  async "nulls arrive"(target) {
    await withConnection(target, async (connection) => {
      const { rows } = await connection.execute("select * from nulls");
      assert.equal(rows.length, 3);
      assert.ok(rows.every((row) => row.every((value) => value === null)));
    });
  },

  async "rows arrive whatever the batch"(target) {
    await withConnection(target, async (connection) => {
      for (const [fetchArraySize, prefetchRows] of [[1, 0], [7, 2], [100, 100], [1000, 1000]]) {
        const { rows } = await connection.execute("select n from hundred", [], { fetchArraySize, prefetchRows });
        assert.deepEqual(rows.map(([n]) => n), [...Array(100).keys()]);
      }
      const { resultSet } = await connection.execute("select n from thousands", [], { resultSet: true });
      let count = 0;
      for await (const [n] of resultSet) assert.equal(n, count++);
      assert.equal(count, 5000);
    });
  },

  async "binds come back"(target) {
    await withConnection(target, async (connection) => {
      const noon = new Date(2026, 2, 4, 12, 0, 0);
      for (const value of ["text €", "y".repeat(40000), 0, -1.5, noon, Buffer.from("raw"), null]) {
        const { rows } = await connection.execute("select :1 from dual", [value]);
        assert.deepEqual(rows[0][0], value);
      }
      const { rows } = await connection.execute("select :a, :b, :a from dual", { a: 1, b: "two" });
      assert.deepEqual(rows[0], [1, "two", 1]);
    });
  },

  async "rows are inserted one by one and together"(target) {
    await withConnection(target, async (connection) => {
      const one = await connection.execute("insert into t values (:1, :2)", [1, "a"], { autoCommit: true });
      assert.equal(one.rowsAffected, 1);
      const rows = [...Array(300).keys()].map((n) => [n, "x".repeat(n + 1)]);
      const many = await connection.executeMany("insert into t values (:1, :2)", rows);
      assert.equal(many.rowsAffected, 300);
      await connection.rollback();
    });
  },

  async "returning and out binds give values"(target) {
    await withConnection(target, async (connection) => {
      const number = { dir: oracledb.BIND_OUT, type: oracledb.NUMBER };
      const text = { dir: oracledb.BIND_OUT, type: oracledb.STRING };
      const returned = await connection.execute(
        "insert into t values (:n, :name) returning twice, upper into :t, :u",
        { n: 21, name: "abc", t: number, u: text },
      );
      assert.deepEqual(returned.outBinds, { t: [42], u: ["ABC"] });
      const z = { dir: oracledb.BIND_INOUT, type: oracledb.NUMBER, val: 10 };
      const block = await connection.execute("begin :x := :y * 2; :z := :z + 1; end;", { x: number, y: 4, z });
      assert.deepEqual(block.outBinds, { x: 8, z: 11 });
    });
  },

  async "errors have code and offset and leave the session alive"(target) {
    await withConnection(target, async (connection) => {
      await assert.rejects(connection.execute("select * from nope"), (error) => {
        assert.equal(error.errorNum, 942);
        assert.equal(error.offset, 14);
        return true;
      });
      await assert.rejects(connection.execute("insert into twin values (1)"), /ORA-00001/);
      await connection.ping();
    });
  },

  async "attributes are taken"(target) {
    await withConnection(target, async (connection) => {
      connection.module = "fieldpost";
      connection.action = "check";
      connection.clientId = "agent 3";
      connection.clientInfo = "tenant 7";
      connection.dbOp = "visit";
      connection.currentSchema = "APP";
      await connection.ping();
      assert.equal((await connection.execute("select 1 from dual")).rows.length, 2);
    });
  },

  async "a call that takes too long is given up and the session lives"(target) {
    await withConnection(target, async (connection) => {
      connection.callTimeout = 150;
      for (let round = 0; round < 3; round++) {
        await assert.rejects(connection.execute("begin sleep; end;"), /NJS-123/);
        connection.callTimeout = 2000;
        assert.equal((await connection.execute("select 1 from dual")).rows.length, 2);
        connection.callTimeout = 150;
      }
    });
  },

  async "a break is ORA-01013"(target) {
    await withConnection(target, async (connection) => {
      const call = connection.execute("begin sleep; end;");
      setTimeout(() => connection.break(), 100);
      await assert.rejects(call, /ORA-01013/);
      assert.equal((await connection.execute("select 1 from dual")).rows.length, 2);
    });
  },

  async "a pool shares its sessions"(target) {
    const pool = await oracledb.createPool({ ...target, poolMin: 1, poolMax: 4 });
    const work = async (number) => {
      const connection = await pool.getConnection();
      try {
        return (await connection.execute("select :1 from dual", [number])).rows[0][0];
      } finally {
        await connection.close();
      }
    };
    const numbers = [...Array(20).keys()];
    assert.deepEqual(await Promise.all(numbers.map(work)), numbers);
    await pool.close(0);
  },
};

const races = {
  async "timeouts that race with the answer never lose the session"(target) {
    await withConnection(target, async (connection) => {
      for (let round = 0; round < 30; round++) {
        connection.callTimeout = 72 + ((round * 7) % 17);
        try {
          assert.equal((await connection.execute("select 1 from dual")).rows.length, 2);
        } catch (error) {
          assert.match(error.message, /NJS-123/);
        }
      }
      connection.callTimeout = 0;
      assert.equal((await connection.execute("select 1 from dual")).rows.length, 2);
    });
  },
};

const scenario = {
  async "the dictionary answers"(target) {
    await withConnection(target, async (connection) => {
      const options = { outFormat: oracledb.OUT_FORMAT_OBJECT };
      const { rows } = await connection.execute("select name, open_mode, created from v$database", [], options);
      assert.equal(rows.length, 1);
      assert.equal(rows[0].OPEN_MODE, "READ WRITE");
      assert.ok(rows[0].CREATED instanceof Date);
    });
  },

  async "a condition takes a bind"(target) {
    await withConnection(target, async (connection) => {
      const sql = "select count(*) from v$log where bytes > :least and status <> :status";
      const { rows } = await connection.execute(sql, { least: 0, status: "NOTHING" });
      assert.ok(rows[0][0] > 0);
    });
  },

  async "an unknown column is ORA-00904 where it stands"(target) {
    await withConnection(target, async (connection) => {
      await assert.rejects(connection.execute("select nonsense from v$database"), (error) => {
        assert.equal(error.errorNum, 904);
        assert.equal(error.offset, 7);
        return true;
      });
    });
  },
};

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { suite, target } = JSON.parse(Buffer.concat(chunks).toString());
  for (const [name, work] of Object.entries({ canned, races, scenario }[suite])) {
    try {
      await work(target);
      console.log(JSON.stringify({ name, error: null }));
    } catch (error) {
      console.log(JSON.stringify({ name, error: String(error.stack || error) }));
    }
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
