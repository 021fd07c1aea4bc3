import { describeArrangements } from './arrangements.js';
import { openTypeorm } from './libraries.js';

describeArrangements('typeorm-transactional', openTypeorm);
