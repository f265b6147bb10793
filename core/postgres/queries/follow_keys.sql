-- Until a table has statistics, which after a rush takes minutes, the planner would read and sort everything for each page.
SELECT set_config('enable_sort', 'off', true)
