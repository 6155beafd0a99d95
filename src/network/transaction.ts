/** @module One transaction of a store: all of it, or nothing. */

import type { DatabaseSync } from 'node:sqlite';

/** Runs statements in a transaction of their own, and gives what they give. @throws what they throw; nothing is written then */
export function inTransaction<Result>(database: DatabaseSync, statements: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = statements();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK'); // SQLite ends it itself when the disk is full
    throw error;
  }
}
