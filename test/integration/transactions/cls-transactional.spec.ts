import { describeArrangements } from './arrangements.js';
import { openCls } from './libraries.js';

describeArrangements('@nestjs-cls/transactional', openCls);
