-- A refusal that is there was added by a call whose answer got lost.
INSERT OR IGNORE INTO refusals (campaign, id, brand, at, code, reason, content) VALUES (?, ?, ?, ?, ?, ?, ?)
