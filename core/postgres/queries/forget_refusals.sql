-- A few at a time, campaign by campaign, as the index goes. What another node forgets is left to it.
DELETE FROM refusals AS r
USING (SELECT o.campaign, o.brand, o.id
       FROM campaigns AS c JOIN refusals AS o ON o.campaign = c.id AND o.brand = c.brand AND o.at < $1
       LIMIT $2
       FOR UPDATE OF o SKIP LOCKED) AS old
WHERE r.campaign = old.campaign AND r.brand = old.brand AND r.id = old.id
