import { Module } from '@nestjs/common';
import { StormController } from './storm.controller.js';
import { StormService } from './storm.service.js';

@Module({ controllers: [StormController], providers: [StormService] })
export class StormModule {}
