// Run by `mongosh --nodb`, as often as you like: makes the replica set, then the user of the running system.
// JustLens asks for w=majority and the journal with every write by itself; the majority is made everyone's default here.
const password = encodeURIComponent(process.env.MONGO_ROOT_PASSWORD);
db = connect(`mongodb://root:${password}@mongo:27017/admin?directConnection=true`);

try {
  rs.status();
} catch (error) {
  if (error.codeName !== "NotYetInitialized") throw error;
  rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "mongo:27017" }] });
}
while (!db.hello().isWritablePrimary) sleep(200);

db.adminCommand({ setDefaultRWConcern: 1, defaultWriteConcern: { w: "majority" } });

const target = db.getSiblingDB("justlens");
const pwd = process.env.MONGO_APP_PASSWORD;
const roles = [{ role: "readWrite", db: "justlens" }];
if (target.getUser("justlens")) {
  target.updateUser("justlens", { pwd, roles });
} else {
  target.createUser({ user: "justlens", pwd, roles });
}
