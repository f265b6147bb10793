-- A few at a time, campaign by campaign, as the key goes. What another node forgets is left to it.
DELETE FROM samples AS s
USING (SELECT o.campaign, o.brand, o.second, o.node
       FROM campaigns AS c JOIN samples AS o ON o.campaign = c.id AND o.brand = c.brand AND o.second < $1
       LIMIT $2
       FOR UPDATE OF o SKIP LOCKED) AS old
WHERE s.campaign = old.campaign AND s.brand = old.brand AND s.second = old.second AND s.node = old.node
