/**
 * Submissions whose answer may be lost, in IndexedDB: each is stored before it is sent, and sent again with the same key after a
 * reload, so that a job is made once. What is still missing of a job's files the server knows itself.
 */

/** @typedef {{ key: string, body: any }} Submission */

const storeName = "submissions";
/** @type {Promise<IDBDatabase> | null} */
let opened = null;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("tessera", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(storeName, { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/**
 * @template T
 * @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T>} act
 * @returns {Promise<T>}
 */
async function transact(mode, act) {
  const transaction = (await database()).transaction(storeName, mode);
  const request = act(transaction.objectStore(storeName));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** @param {Submission} submission */
export const put = (submission) => transact("readwrite", (store) => store.put(submission));

/** @returns {Promise<Submission[]>} */
export const all = () => transact("readonly", (store) => store.getAll());

/** @param {string} key */
export const remove = (key) => transact("readwrite", (store) => store.delete(key));
