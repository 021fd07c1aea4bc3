import { describeArrangements } from './arrangements.js';
import { openByHand } from './libraries.js';

describeArrangements('transactions begun by hand, in a TransactionScope', openByHand);
