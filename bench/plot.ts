// npm run bench:plot [-- name]: draws the plots and the tables of docs/performance.md once more, from
// bench/results/‹name›.json ('latest' when none is named).
import { publish } from './report/publish.js';

await publish(process.argv[2] ?? 'latest');
